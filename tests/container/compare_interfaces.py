#!/usr/bin/python3
"""compare_interfaces.py OURS.xml SAID.xml: fails unless the interface of the first file is in the second, alike in its
methods, signals and properties, in the names, types, directions and order of arguments, and in annotations."""
import sys
import xml.etree.ElementTree as tree


def annotations(element):
    return tuple(sorted((each.get('name'), each.get('value')) for each in element.findall('annotation')))


def arguments(member):
    usual = 'out' if member.tag == 'signal' else 'in'
    return tuple((each.get('name'), each.get('type'), each.get('direction', usual)) for each in member.findall('arg'))


def members(interface):
    return {(each.tag, each.get('name')): (each.get('type'), each.get('access'), arguments(each), annotations(each))
            for each in interface if each.tag in ('method', 'signal', 'property')}


def interfaces(file):
    return {each.get('name'): members(each) for each in tree.parse(file).getroot().findall('interface')}


ours = interfaces(sys.argv[1])
said = interfaces(sys.argv[2])
wrong = 0
for name, wanted in ours.items():
    found = said.get(name, {})
    for member in sorted(wanted.keys() | found.keys()):
        if wanted.get(member) != found.get(member):
            print(f'{name}: {member}: {wanted.get(member)}, but it says {found.get(member)}')
            wrong += 1
    if not wanted:
        print(f'{name} is empty')
        wrong += 1
sys.exit(1 if wrong or not ours else 0)
