"""The command centre: pages over what `ops.overview` knows. Acting from a page only enqueues a job."""
