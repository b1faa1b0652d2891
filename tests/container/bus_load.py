#!/usr/bin/python3
"""Load for tests of guardd on the bus.

bus_load.py break TREE RATE SECONDS   makes RATE new files a second there, and says how many
bus_load.py flood PATH CONNECTIONS    asks as fast as the bus takes it, until SIGTERM; then says how many answers came
bus_load.py occupy CONNECTIONS        has as many questions asked of polkit as guardd lets it, until SIGTERM
"""
import os
import signal
import sys
import time

NAME = 'org.guardd.Guard1'
OBJECT = '/org/guardd/Guard1'
MANAGER = 'org.guardd.Guard1.Manager'


def break_things(tree, rate, seconds):
    begun = time.monotonic()
    for number in range(rate * seconds):
        os.close(os.open(f'{tree}/load-{number}', os.O_CREAT | os.O_WRONLY, 0o644))
        ahead = begun + number / rate - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
    print(rate * seconds)


def clients(count):
    import dbus
    import dbus.bus
    import dbus.mainloop.glib
    dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
    made = [dbus.bus.BusConnection(dbus.bus.BusConnection.TYPE_SYSTEM) for _ in range(count)]
    for each in made:
        each.set_exit_on_disconnect(False)
    return made


def until_ended():
    from gi.repository import GLib
    loop = GLib.MainLoop()
    GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGTERM, loop.quit)
    print('begun', flush=True)
    loop.run()


def flood(path, connections):
    import dbus
    from gi.repository import GLib
    calls = [('org.freedesktop.DBus.ObjectManager', 'GetManagedObjects', '', ()),
             ('org.freedesktop.DBus.Introspectable', 'Introspect', '', ()),
             (MANAGER, 'Explain', 'ayus', (dbus.ByteArray(path.encode()), dbus.UInt32(65534), '')),
             (MANAGER, 'ListIncidents', 'a{sv}', ({},))]
    counts = {'answers': 0, 'refusals': 0}

    def ask(bus, call):
        def done(kind):
            counts[kind] += 1
            ask(bus, call)

        def refused(_):
            GLib.timeout_add(1, lambda: done('refusals') and False)
        bus.call_async(NAME, OBJECT, *call, lambda *_: done('answers'), refused)

    for bus in clients(connections):
        for number in range(48):
            ask(bus, calls[number % len(calls)])
    until_ended()
    print(f"{counts['answers']} answers and {counts['refusals']} refusals")


def occupy(connections):
    def ended(_):
        pass
    for bus in clients(connections):
        for _ in range(16):
            bus.call_async(NAME, OBJECT, MANAGER, 'Resume', 's', ('shop',), lambda *_: None, ended, timeout=60)
    until_ended()


if sys.argv[1] == 'break':
    break_things(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
elif sys.argv[1] == 'flood':
    flood(sys.argv[2], int(sys.argv[3]))
else:
    occupy(int(sys.argv[2]))
