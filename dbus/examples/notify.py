#!/usr/bin/python3
"""Shows a notification on the desktop whenever somebody breaks a policy of guardd: with python3-dbus and python3-gi.

It may be started before guardd, and guardd may be restarted meanwhile. NOTIFY is the command that shows it,
notify-send if nothing is said; it gets --, a title and a text.
"""
import html
import os
import subprocess
import sys

import dbus
import dbus.mainloop.glib
from gi.repository import GLib

NAME = 'org.guardd.Guard1'
PATH = '/org/guardd/Guard1'
MANAGER = 'org.guardd.Guard1.Manager'


def plain(text):
    """What files are called is for others to choose: no control characters, and no markup."""
    return html.escape(''.join(c if c.isprintable() else '?' for c in str(text)), quote=False)


def show(title, text):
    command = os.environ.get('NOTIFY', 'notify-send')
    try:
        child = subprocess.Popen([command, '--', title, text], stdin=subprocess.DEVNULL)
    except OSError as error:
        print(f'{command}: {error.strerror}', file=sys.stderr)
        return
    GLib.child_watch_add(GLib.PRIORITY_DEFAULT, child.pid, lambda *_: child.poll())


def incident_opened(_id, record):
    """A field may be missing: not everybody is told everything, and not everything is known."""
    paths = record.get('sample') or [record.get('path', 'see guardctl incidents')]
    who = record.get('login_user', record.get('unit', 'somebody'))
    show('guardd: ' + plain(record.get('policy', 'a policy')), plain(who) + ': ' + plain(paths[0]))


dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
# By its name: the binding follows whoever owns it, and hears nobody else.
dbus.SystemBus().add_signal_receiver(incident_opened, 'IncidentOpened', MANAGER, NAME, PATH)
GLib.MainLoop().run()
