"""The life of a certificate and of a credential: its state, when it is due, when its grace ends, how urgent it is.

Everything here follows from dates, stages, what the history knows, policy and time, and from nothing else. Commands,
pages, metrics, alerts and the service ask here, and no other module compares a date with a threshold
(tests/unit/test_house.py): so all of them say the same of one thing, also after a crash and while a rotation is halted
(tests/contract/surfaces/test_one_answer.py).

    revocation <- states, dates, drift <- certificate_life <- credential_life
"""
