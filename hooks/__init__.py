"""What runs around a render. The wheel carries it as `scaffold._hooks`."""
