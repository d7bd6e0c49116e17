"""Whatever Apprise reaches: Teams, PagerDuty, SMS and many more."""
