#!/bin/sh
exec python3 -m pip install -r requirements.txt
