"""Call sets of real programs beside what runs of them ask for."""
