"""The door for a WSGI server: `gunicorn secops.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "secops.settings")
application = get_wsgi_application()
