"""What travels over HTTP: inboxes and preferences (`inbox`), browsers and receipts (`channels`), families."""
