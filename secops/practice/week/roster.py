"""A simulation's cast: the invented people, devices and addresses of Brightwater Trading, as plain tables."""

# login, name, title, department, site, manager, is privileged
PEOPLE = (
    ("c.vaz", "Catarina Vaz", "Managing director", "Finance", "Lisbon", "", False),
    ("h.prado", "Helena Prado", "Head of treasury", "Finance", "Lisbon", "c.vaz", False),
    ("m.okafor", "Maya Okafor", "Treasury analyst", "Finance", "Lisbon", "h.prado", False),
    ("d.lima", "Duarte Lima", "Payments clerk", "Finance", "Lisbon", "h.prado", False),
    ("s.amaral", "Sofia Amaral", "Accountant", "Finance", "Lisbon", "h.prado", False),
    ("t.nobre", "Tiago Nobre", "Accountant", "Finance", "Lisbon", "h.prado", False),
    ("b.quental", "Beatriz Quental", "Controller", "Finance", "Lisbon", "c.vaz", False),
    ("r.sarmento", "Rui Sarmento", "Credit analyst", "Finance", "Lisbon", "b.quental", False),
    ("k.brandt", "Katrin Brandt", "Accountant", "Finance", "Hamburg", "b.quental", False),
    ("o.hansen", "Ole Hansen", "Controller", "Finance", "Hamburg", "b.quental", False),
    ("f.yilmaz", "Feride Yilmaz", "Payroll clerk", "Finance", "Hamburg", "b.quental", False),
    ("n.petersen", "Nils Petersen", "Tax clerk", "Finance", "Hamburg", "b.quental", False),
    ("a.teixeira", "Ana Teixeira", "Head of sales", "Sales", "Lisbon", "c.vaz", False),
    ("i.rocha", "Ines Rocha", "Key account manager", "Sales", "Lisbon", "a.teixeira", False),
    ("p.moura", "Pedro Moura", "Sales engineer", "Sales", "Lisbon", "a.teixeira", False),
    ("l.vogt", "Lena Vogt", "Account manager", "Sales", "Hamburg", "a.teixeira", False),
    ("e.adeyemi", "Emeka Adeyemi", "Account manager", "Sales", "Lisbon", "a.teixeira", False),
    ("g.ahrens", "Gesa Ahrens", "Head of engineering", "Engineering", "Hamburg", "c.vaz", False),
    ("j.weil", "Jonas Weil", "Software engineer", "Engineering", "Hamburg", "g.ahrens", False),
    ("y.tanaka", "Yui Tanaka", "Software engineer", "Engineering", "Hamburg", "g.ahrens", False),
    ("v.novak", "Viktor Novak", "Test engineer", "Engineering", "Hamburg", "g.ahrens", False),
    ("m.seabra", "Marta Seabra", "Data engineer", "Engineering", "Lisbon", "g.ahrens", False),
    ("c.bastos", "Clara Bastos", "Head of people", "HR", "Lisbon", "c.vaz", False),
    ("w.jansen", "Wiebke Jansen", "People partner", "HR", "Hamburg", "c.bastos", False),
    ("a.kruse", "Arne Kruse", "Head of IT", "IT", "Hamburg", "c.vaz", True),
    ("z.mendes", "Zita Mendes", "Systems administrator", "IT", "Lisbon", "a.kruse", True),
    ("q.tran", "Quoc Tran", "Support engineer", "IT", "Hamburg", "a.kruse", True),
    ("x.faria", "Xavier Faria", "Head of operations", "Operations", "Lisbon", "c.vaz", False),
    ("u.lorenz", "Ute Lorenz", "Warehouse planner", "Operations", "Hamburg", "x.faria", False),
    ("d.pires", "Dina Pires", "Logistics planner", "Operations", "Lisbon", "x.faria", False),
)

# name, kind, group, site, owner, last two numbers of the address
DEVICES = (
    ("DC-LIS-01", "domain_controller", "IT", "Lisbon", "", "0.10"),
    ("DC-HAM-01", "domain_controller", "IT", "Hamburg", "", "16.10"),
    ("FS-LIS-01", "server", "IT", "Lisbon", "", "0.12"),
    ("FS-HAM-02", "server", "IT", "Hamburg", "", "16.12"),
    ("BK-01", "server", "IT", "Hamburg", "", "16.20"),
    ("SCAN-01", "server", "IT", "Lisbon", "", "0.30"),
    ("FIN-LT-0139", "laptop", "Finance", "Lisbon", "c.vaz", "3.11"),
    ("FIN-LT-0140", "laptop", "Finance", "Lisbon", "h.prado", "3.12"),
    ("FIN-LT-0141", "laptop", "Finance", "Lisbon", "s.amaral", "3.13"),
    ("FIN-LT-0142", "laptop", "Finance", "Lisbon", "m.okafor", "3.14"),
    ("FIN-LT-0143", "laptop", "Finance", "Lisbon", "t.nobre", "3.15"),
    ("FIN-LT-0144", "laptop", "Finance", "Lisbon", "b.quental", "3.16"),
    ("FIN-LT-0145", "laptop", "Finance", "Lisbon", "r.sarmento", "3.17"),
    ("FIN-LT-0146", "laptop", "Finance", "Hamburg", "k.brandt", "19.46"),
    ("FIN-LT-0147", "laptop", "Finance", "Hamburg", "o.hansen", "19.47"),
    ("FIN-LT-0148", "laptop", "Finance", "Hamburg", "f.yilmaz", "19.48"),
    ("FIN-LT-0149", "laptop", "Finance", "Hamburg", "n.petersen", "19.49"),
    ("FIN-LT-0150", "laptop", "Finance", "Lisbon", "d.lima", "3.22"),
    ("FIN-TB-0007", "tablet", "Finance", "Lisbon", "m.okafor", "4.7"),
    ("SAL-LT-0075", "laptop", "Sales", "Lisbon", "a.teixeira", "3.75"),
    ("SAL-LT-0076", "laptop", "Sales", "Lisbon", "p.moura", "3.76"),
    ("SAL-LT-0077", "laptop", "Sales", "Lisbon", "i.rocha", "3.77"),
    ("SAL-LT-0078", "laptop", "Sales", "Hamburg", "l.vogt", "19.78"),
    ("SAL-LT-0079", "laptop", "Sales", "Lisbon", "e.adeyemi", "3.79"),
    ("ENG-WS-0209", "workstation", "Engineering", "Hamburg", "g.ahrens", "19.20"),
    ("ENG-WS-0210", "workstation", "Engineering", "Hamburg", "j.weil", "19.21"),
    ("ENG-WS-0211", "workstation", "Engineering", "Hamburg", "y.tanaka", "19.22"),
    ("ENG-WS-0212", "workstation", "Engineering", "Hamburg", "v.novak", "19.23"),
    ("ENG-LT-0213", "laptop", "Engineering", "Lisbon", "m.seabra", "3.113"),
    ("HR-LT-0019", "laptop", "HR", "Lisbon", "c.bastos", "3.119"),
    ("HR-LT-0020", "laptop", "HR", "Hamburg", "w.jansen", "19.120"),
    ("HR-LT-0021", "laptop", "HR", "Lisbon", "c.bastos", "3.57"),
    ("IT-LT-0012", "laptop", "IT", "Lisbon", "z.mendes", "3.57"),
    ("IT-WS-0004", "workstation", "IT", "Hamburg", "a.kruse", "19.4"),
    ("IT-WS-0005", "workstation", "IT", "Hamburg", "q.tran", "19.5"),
    ("IT-WS-0006", "workstation", "IT", "Lisbon", "z.mendes", "3.6"),
    ("OPS-LT-0033", "laptop", "Operations", "Lisbon", "x.faria", "3.133"),
    ("OPS-LT-0034", "laptop", "Operations", "Hamburg", "u.lorenz", "19.134"),
    ("OPS-LT-0036", "laptop", "Operations", "Lisbon", "d.pires", "3.137"),
    ("OPS-KI-0001", "kiosk", "Operations", "Hamburg", "", "19.140"),
)

# A device that took a new address three days before the anchor: its address until then.
EARLIER_ADDRESS = {"OPS-LT-0036": "10.20.3.136"}
# One address that two devices had on different days: the first was put away, the second came later (days before).
PUT_AWAY = {"HR-LT-0021": 4.5}
ARRIVED = {"IT-LT-0012": 2.2}
ADDRESS_CHANGE_DAYS = 3.0

# name, version, vendor: on every device of the named group ("" = all clients)
SOFTWARE = (
    ("", "Skerry Browser", "118.4.2", "Skerry Foundation"),
    ("", "Ledgerline Office", "16.9.1", "Ledgerline Software"),
    ("", "Quillmail", "7.3.0", "Ledgerline Software"),
    ("", "Pinwheel Update Service", "3.1.8", "Pinwheel Systems"),
    ("", "Harbour Endpoint Agent", "5.12.0", "Harbour Security"),
    ("Finance", "Tallybook Treasury", "9.4.4", "Tallybook"),
    ("Finance", "Bankwire Client", "4.0.2", "Bankwire Cooperative"),
    ("Sales", "Roundtable Calls", "12.2.1", "Roundtable"),
    ("Sales", "Clientel CRM", "6.8.0", "Clientel"),
    ("Engineering", "Anvil Studio", "2026.2", "Anvil Tools"),
    ("Engineering", "Roundtable Calls", "12.2.1", "Roundtable"),
    ("HR", "Peoplebook", "3.3.1", "Peoplebook"),
    ("IT", "Lantern Remote Admin", "8.1.0", "Lantern Works"),
    ("Operations", "Stowage Planner", "5.5.2", "Stowage"),
)
# device, name, version, vendor, days before the anchor (the log's own time is taken where there is one)
EXTRA_SOFTWARE = (
    ("FIN-LT-0142", "RemoteHelp Desk", "2.7.1", "RemoteHelp GmbH", 12.3),
    ("ENG-WS-0210", "Anvil Profiler", "2.0.3", "Anvil Tools", 0.2),
    ("OPS-LT-0033", "Stowage Label Printer", "1.4.0", "Stowage", 0.2),
)
