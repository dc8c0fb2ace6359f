"""Tables, and how aggregates are read from and written to them."""

from approval_tracking.store.cases import CaseStore
from approval_tracking.store.projects import Project, ProjectItem, ProjectStore
from approval_tracking.store.reference import Reference
from approval_tracking.store.tables import metadata

__all__ = ["CaseStore", "Project", "ProjectItem", "ProjectStore", "Reference", "metadata"]
