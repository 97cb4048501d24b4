"""A simulated exchange that speaks Binance USD-M futures REST, with its own accounts, book and market clock."""
