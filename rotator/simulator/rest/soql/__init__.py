"""SOQL: a query's text becomes a tree, and the tree rows (SOQL and SOSL Reference)."""
