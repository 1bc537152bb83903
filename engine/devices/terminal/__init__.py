"""The unmanned weighing terminal (SUWOL-1000) as its master sees it: polled, and told what to show, say and print."""
