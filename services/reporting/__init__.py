"""汇总: the network at a glance and the month's report, counted from everybody's facts."""
