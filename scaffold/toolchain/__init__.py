"""What runs other programs: processes that end when they must, uv, and what uv installs from a repository's lock."""
