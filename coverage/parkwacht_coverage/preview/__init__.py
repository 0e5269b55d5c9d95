"""What a camera would see of the park, drawn before it is built."""
