# Written by hand; not built here. `docker build -t hyperstrate .`
FROM python:3.11-slim AS build
WORKDIR /app
COPY requirements.txt .
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.txt

FROM python:3.11-slim
RUN useradd --create-home hyperstrate && mkdir -p /data && chown hyperstrate /data
COPY --from=build /venv /venv
WORKDIR /app
COPY . .
ENV PATH="/venv/bin:$PATH" APP_ENV=production SPOOL_DIR=/data/spool FLASK_APP=wsgi
USER hyperstrate
EXPOSE 8090
CMD ["sh", "-c", "flask db upgrade && exec gunicorn wsgi:app"]
