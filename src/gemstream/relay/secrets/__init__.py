"""What the relay must keep secret, and the one secret that all of it hangs on."""
