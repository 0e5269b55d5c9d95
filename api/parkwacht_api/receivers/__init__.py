"""The ways out: one attempt of one channel each."""
