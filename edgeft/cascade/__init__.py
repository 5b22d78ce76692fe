"""Several models in one bundle: the cheap ones answer what they are sure of, with a bound."""
