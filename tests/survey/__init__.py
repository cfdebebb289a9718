"""The survey: what the translator makes of real programs and libraries, held against two disassemblers."""
