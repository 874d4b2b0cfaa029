"""Servers to be questioned: one as the SDK makes it, one with every weakness."""
