"""Ground seen by cameras: the camera model, what it sees, and which placement is best."""
