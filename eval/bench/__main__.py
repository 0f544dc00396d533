"""`python -m eval.bench`: speed and memory, `eval.bench.speed`."""

from eval.bench.speed import main

if __name__ == "__main__":
    main()
