"""Everything the notifier does: it hears (`hearing`), tells (`telling`), minds its inbox and sends letters."""
