# Every interpreter that a build starts reads this first: the build ends, and it is known that there was one.
import os

with open("/tmp/imagespec/watch/built", "w"):
    pass
os._exit(1)
