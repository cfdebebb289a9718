"""What the HTML pages of commands share: their look, charts as inline SVG, tables that sort."""
