"""What the FHIR facade answers: every resource as plain JSON values, valid R4."""
