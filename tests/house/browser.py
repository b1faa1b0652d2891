"""Chromium, controlled through a pipe (its DevTools protocol), and what can be measured of any page in it."""
import base64
import itertools
import json
import os
import select
import subprocess
import sys
import time

sys.dont_write_bytecode = True

KEYS = {'Tab': 9, 'Enter': 13, 'Escape': 27}

# Faults of the page that is shown: what is wider than the screen or cut off, and text that cannot be read. What
# only screen readers read is left out.
READABLE = r"""
  const faults = [];
  const say = (what, element) => faults.push(what + ': ' + (element.outerHTML || element.textContent).replace(/\s+/g, ' ').slice(0, 90));
  const root = document.documentElement;
  if (root.scrollWidth > innerWidth) say('wider than the screen, ' + root.scrollWidth + ' of ' + innerWidth, document.body);
  const all = [...document.body.querySelectorAll('*')].filter(element => !element.closest('.for-readers'));
  const inner = element => element.parentElement.closest('.scroll, svg');
  for (const element of all) {
    const box = element.getBoundingClientRect();
    if (box.width && !inner(element) && (box.right > innerWidth + 1 || box.left < -1)) say('beyond the edge', element);
    if (element.scrollWidth > element.clientWidth + 1 && element.clientWidth && getComputedStyle(element).overflowX ===
        'hidden') say('cut off', element);
  }

  const canvas = text => {
    const parts = text.match(/[\d.]+/g).map(Number);
    return parts.length < 4 ? [...parts, 1] : parts;
  };
  const linear = part => (part /= 255) <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const contrast = (a, b) => {
    const [high, low] = [light(a), light(b)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
  };
  const behind = element => {
    for (; element; element = element.parentElement) {
      const colour = canvas(getComputedStyle(element).backgroundColor);
      if (colour[3] === 1) return colour;
      if (colour[3] > 0) return say('half transparent', element), colour;
    }
    return say('nothing is behind it', document.body), [255, 255, 255, 1];
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let read = 0;
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.textContent.trim() || element.closest('title, .for-readers')) continue;
    if (!element.getClientRects().length) continue;
    const ratio = contrast(canvas(getComputedStyle(element).color), behind(element));
    if (ratio < 4.5) say('hard to read, ' + ratio.toFixed(2), element);
    ++read;
  }
"""


class Browser:
    def __init__(self, scratch):
        ours, theirs = os.pipe(), os.pipe()

        def hand_over():
            low = [os.dup2(end, end + 20, inheritable=False) for end in (ours[0], theirs[1])]
            os.dup2(low[0], 3)
            os.dup2(low[1], 4)

        self.process = subprocess.Popen(
            ['chromium', '--headless', '--no-sandbox', '--remote-debugging-pipe', '--disable-gpu', '--no-first-run',
             '--disable-dev-shm-usage', '--disable-background-networking', '--disable-component-update', '--hide-scrollbars',
             '--force-color-profile=srgb', f'--user-data-dir={scratch}'],
            pass_fds=(3, 4), preexec_fn=hand_over, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(ours[0])
        os.close(theirs[1])
        self.to, self.back = ours[1], theirs[0]
        self.session = None
        self.numbers = itertools.count(1)
        self.waiting = b''
        self.heard = []
        self.dialogs = 0  # that scripts have opened
        target = self.ask('Target.createTarget', url='about:blank')['targetId']
        self.session = self.ask('Target.attachToTarget', targetId=target, flatten=True)['sessionId']
        for part in 'Page', 'Network', 'Runtime', 'Log':
            self.ask(part + '.enable')
        self.ask('Emulation.setFocusEmulationEnabled', enabled=True)  # keys arrive even if another window is in front

    def read(self, until):
        while b'\0' not in self.waiting:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.back], [], [], left)[0]:
                raise SystemExit('the browser does not answer')
            piece = os.read(self.back, 1 << 20)
            if not piece:
                raise SystemExit('the browser has ended')
            self.waiting += piece
        line, self.waiting = self.waiting.split(b'\0', 1)
        return json.loads(line)

    def ask(self, method, **params):
        number = next(self.numbers)
        message = {'id': number, 'method': method, 'params': params}
        if self.session:
            message['sessionId'] = self.session
        os.write(self.to, json.dumps(message).encode() + b'\0')
        until = time.monotonic() + 60
        while True:
            said = self.read(until)
            if said.get('id') == number:
                if 'error' in said:
                    raise SystemExit(f'{method}: {said["error"]}')
                return said['result']
            self.hear(said)

    def hear(self, said):
        self.heard.append(said)
        if said.get('method') == 'Page.javascriptDialogOpening':  # else nothing goes on
            self.dialogs += 1
            message = {'id': next(self.numbers), 'method': 'Page.handleJavaScriptDialog', 'params': {'accept': True},
                       'sessionId': self.session}
            os.write(self.to, json.dumps(message).encode() + b'\0')

    def wait_for(self, event):
        until = time.monotonic() + 60
        while not any(said.get('method') == event for said in self.heard):
            self.hear(self.read(until))

    def evaluate(self, expression):
        """The value of a JavaScript expression; a promise is waited for."""
        answer = self.ask('Runtime.evaluate', expression=expression, returnByValue=True, awaitPromise=True, userGesture=True)
        if 'exceptionDetails' in answer:
            raise SystemExit(f'{expression[:200]}: {json.dumps(answer["exceptionDetails"])[:2000]}')
        return answer['result'].get('value')

    def resize(self, width, scheme, height=900):
        self.ask('Emulation.setEmulatedMedia', features=[{'name': 'prefers-color-scheme', 'value': scheme}])
        self.ask('Emulation.setDeviceMetricsOverride', width=width, height=height, deviceScaleFactor=1, mobile=False)

    def forget(self):
        """What was heard until now, so that it does not become more and more."""
        self.heard.clear()

    def open(self, url):
        self.forget()
        self.ask('Page.navigate', url=url)
        self.wait_for('Page.loadEventFired')

    def photograph(self, file, whole=True):
        shot = self.ask('Page.captureScreenshot', captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(shot['data']))

    def press(self, key, code=None, text=None):
        for kind in 'keyDown', 'keyUp':
            self.ask('Input.dispatchKeyEvent', type=kind, key=key, code=code or key, windowsVirtualKeyCode=KEYS.get(key, 0),
                     **({'text': text} if text and kind == 'keyDown' else {}))

    def end(self):
        os.close(self.to)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
