"""What Windows events mean, whatever form they came in: EVTX, flat JSON, nested JSON, ECS.

`forms` reads a form into an `Entry`, `clock` its time, `reader` turns entries into events by the plans of
`events`, and `values` cleans what Windows writes.
"""
