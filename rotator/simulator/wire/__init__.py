"""What goes over the wire: SOAP, JSON, answers, faults on demand."""
