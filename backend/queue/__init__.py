"""The queue: job rows are the record, Redis Streams only wake the workers that look at them."""
