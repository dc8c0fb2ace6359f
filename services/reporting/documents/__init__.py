"""What offices exchange: the month's report as a workbook."""

from reporting.documents.workbook import month_workbook

__all__ = ["month_workbook"]
