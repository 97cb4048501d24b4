"""Pure trading rules: candles and parameters in, decisions out."""
