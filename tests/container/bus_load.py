#!/usr/bin/python3
"""Load for tests of guardd on the bus.

bus_load.py break TREE RATE SECONDS   makes RATE new files a second there, and says how many
bus_load.py flood PATH                asks as fast as the bus takes it, until SIGTERM; then says how many answers came
"""
import os
import signal
import sys
import time


def break_things(tree, rate, seconds):
    begun = time.monotonic()
    for number in range(rate * seconds):
        os.close(os.open(f'{tree}/load-{number}', os.O_CREAT | os.O_WRONLY, 0o644))
        ahead = begun + number / rate - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
    print(rate * seconds)


def flood(path):
    import dbus
    import dbus.mainloop.glib
    from gi.repository import GLib
    dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
    bus = dbus.SystemBus()
    bus.set_exit_on_disconnect(False)
    name, root = 'org.guardd.Guard1', '/org/guardd/Guard1'
    calls = [('org.freedesktop.DBus.ObjectManager', 'GetManagedObjects', '', ()),
             ('org.freedesktop.DBus.Introspectable', 'Introspect', '', ()),
             (name + '.Manager', 'Explain', 'ayus', (dbus.ByteArray(path.encode()), dbus.UInt32(65534), '')),
             (name + '.Manager', 'ListIncidents', 'a{sv}', ({},))]
    counts = {'answers': 0, 'refusals': 0}

    def ask(which):
        interface, member, types, arguments = calls[which]

        def done(kind):
            counts[kind] += 1
            ask(which)
        bus.call_async(name, root, interface, member, types, arguments,
                       lambda *_: done('answers'), lambda *_: GLib.timeout_add(1, lambda: done('refusals') and False))

    for number in range(48):
        ask(number % len(calls))
    loop = GLib.MainLoop()
    GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGTERM, loop.quit)
    loop.run()
    print(f"{counts['answers']} answers and {counts['refusals']} refusals")


if sys.argv[1] == 'break':
    break_things(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
else:
    flood(sys.argv[2])
