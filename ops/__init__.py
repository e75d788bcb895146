"""kominfo-ops: an office is declared once; everything else follows, is shown as a plan, and is applied exactly so."""

__version__ = "0.1.0"
