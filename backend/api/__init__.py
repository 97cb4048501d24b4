"""The HTTP doors. They check who asks, call a service and shape the answer; they hold no rules."""
