"""What `encharge-connector check` looks at, side by side: each module gives the findings of one of them."""
