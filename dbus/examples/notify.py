#!/usr/bin/python3
"""Shows a desktop notification when a user breaks a policy of guardd. It uses python3-dbus and python3-gi.

You may start it before guardd, and guardd may restart. NOTIFY is the command that shows the notification, notify-send
by default. It gets --, a title and a text.
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
    """Other users choose file names, so control characters and markup are removed."""
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
    """Fields may be absent, if they are unknown or the caller may not see them."""
    paths = record.get('sample') or [record.get('path', 'see guardctl incidents')]
    who = record.get('login_user', record.get('unit', 'an unknown user'))
    show('guardd: ' + plain(record.get('policy', 'a policy')), plain(who) + ': ' + plain(paths[0]))


dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
# By its name: the binding follows the owner of the name, and ignores other senders.
dbus.SystemBus().add_signal_receiver(incident_opened, 'IncidentOpened', MANAGER, NAME, PATH)
GLib.MainLoop().run()
