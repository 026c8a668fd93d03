"""traceview.toml and the user's config: found, read, validated, edited with comments kept."""
