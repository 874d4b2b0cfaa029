"""What runs around a render, and what builds the template's bundle. The wheel carries it as `scaffold._hooks`."""
