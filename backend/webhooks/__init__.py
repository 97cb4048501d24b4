"""Messages to merchants' own systems, by the Standard Webhooks specification."""
