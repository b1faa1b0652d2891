#!/usr/bin/python3
"""Notes each signal of guardd as a line of JSON: when it came (CLOCK_MONOTONIC), what it is and what it says.

bus_listener.py [CLIENTS]: so many connections listen; the first one notes, the others count. At SIGTERM, how many
signals each of them heard and whether it is still connected.
"""
import json
import signal
import sys
import time

import dbus
import dbus.bus
import dbus.lowlevel
import dbus.mainloop.glib
from gi.repository import GLib

NAME = 'org.guardd.Guard1'


def plain(value):
    if isinstance(value, dbus.ByteArray):
        return list(value)
    if isinstance(value, dbus.Boolean):
        return bool(value)
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return int(value) if isinstance(value, int) else str(value)


def note(**fields):
    print(json.dumps(fields), flush=True)


def hear(*args, member, path, interface):
    at = time.monotonic()
    note(at=at, signal=str(member), path=str(path), interface=str(interface), args=[plain(each) for each in args])


class Counting:
    """A client that looks at nothing but how many there are."""

    def __init__(self):
        self.heard = 0
        self.bus = dbus.bus.BusConnection(dbus.bus.BusConnection.TYPE_SYSTEM)
        self.bus.set_exit_on_disconnect(False)
        self.bus.add_match_string(f"type='signal',sender='{NAME}'")
        self.bus.add_message_filter(self.count)

    def count(self, _bus, message):
        if message.get_type() == dbus.lowlevel.MESSAGE_TYPE_SIGNAL and message.get_member() == 'ViolationDetected':
            self.heard += 1
        return dbus.lowlevel.HANDLER_RESULT_HANDLED


def end(loop, others):
    note(clients=1 + len(others), heard=[each.heard for each in others],
         connected=1 + sum(each.bus.get_is_connected() for each in others))
    loop.quit()
    return False


dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
main = GLib.MainLoop()
clients = [Counting() for _ in range(int(sys.argv[1]) - 1)] if len(sys.argv) > 1 else []
system = dbus.SystemBus()
system.set_exit_on_disconnect(False)
system.add_signal_receiver(hear, bus_name=NAME, byte_arrays=True, member_keyword='member', path_keyword='path',
                           interface_keyword='interface')
GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGTERM, end, main, clients)
system.call_blocking('org.freedesktop.DBus', '/', 'org.freedesktop.DBus', 'GetId', '', ())
note(listening=True)
main.run()
