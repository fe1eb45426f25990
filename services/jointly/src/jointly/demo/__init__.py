"""The demonstration: believable referrals of plainly synthetic children, posted as three agencies' systems would."""
