"""The views of the pages. Each reads its input, calls a selector or a service, and shows the result."""
