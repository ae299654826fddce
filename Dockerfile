# syntax=docker/dockerfile:1
# One image for Cloud Run, Lambda and any other host. The bases have the same Python: the environment is copied whole.
ARG BASE=python:3.13-slim-bookworm
ARG BUILD_BASE=${BASE}

FROM ${BUILD_BASE} AS build
RUN python3 -m venv /opt/benchmark-qa
COPY requirements/image.txt /src/requirements.txt
# Hashed locks, wheels only: nothing is compiled here, and nothing but what was locked comes in.
RUN /opt/benchmark-qa/bin/python -m pip install --no-cache-dir --no-compile --disable-pip-version-check \
      --require-hashes --only-binary :all: --no-deps --requirement /src/requirements.txt \
 && /opt/benchmark-qa/bin/python -m pip uninstall --yes --quiet pip
COPY infra/packaging/prune.py /src/
COPY agents/ /opt/benchmark-qa/app/
# Certificate authorities of databases: what lies there when the image is built.
COPY infra/certificates /opt/benchmark-qa/certificates
RUN python3 /src/prune.py "$(echo /opt/benchmark-qa/lib/python3.*/site-packages)" /opt/benchmark-qa/sbom.cdx.json \
 && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/benchmark-qa/app

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Benchmark QA for Encord" \
      org.opencontainers.image.description="Routes benchmark tasks, scores annotators against ground truth" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV PATH=/opt/benchmark-qa/bin:${PATH} \
    PYTHONPATH=/opt/benchmark-qa/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PORT=8080
COPY --from=build /opt/benchmark-qa /opt/benchmark-qa
# A number, so that hosts can see that it is not root. Nothing is written outside of /tmp.
USER 65532:65532
WORKDIR /tmp
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["python3", "-m", "benchmark_qa", "healthy"]
ENTRYPOINT ["python3", "-m", "benchmark_qa", "container"]
