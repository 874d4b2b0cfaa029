"""A rendered repository, read: its answers, its files, and what it says about its proof."""
