"""From a new account to a running bot: exchange keys checked before they are kept, first strategies, first start."""
