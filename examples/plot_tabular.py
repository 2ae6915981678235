"""
A table of mixed types
======================

Tables at work have categories, dates, whole numbers, zeros and holes.
:class:`manidiff.tabular.SyntheticTable` takes such a DataFrame and gives back another:
the same columns, dtypes and ranges, new rows. It can be asked for rows that have given
values, and it fills holes.
"""

import matplotlib.pyplot as plt
from sklearn.model_selection import train_test_split

from manidiff.datasets import make_mixed_table
from manidiff.metrics import report
from manidiff.tabular import SyntheticTable

table = make_mixed_table(3000, random_state=0)
train, held_out = train_test_split(table, test_size=0.5, random_state=0)
train.head()

# %%
# DataFrame in, DataFrame out
# ---------------------------
# ``verbose=1`` says what each column is taken for; ``column_types`` changes it.

model = SyntheticTable(random_state=0, verbose=1).fit(train)
drawn = model.sample(1500, random_state=0)
drawn.head()

# %%
# Rows that meet conditions
# -------------------------
# Conditions hold in every row, and the other columns follow: members of 30 years spend
# as such members do.

young_members = model.sample(
    1500, conditions={"member": True, "age": 30}, random_state=0
)
young_members.head()

# %%
# Holes
# -----
# ``impute`` draws what is missing given the rest of the row.

with_holes = held_out.head(5).astype({"age": "object"})
with_holes.loc[with_holes.index[:2], "age"] = None
model.impute(with_holes, random_state=0)

# %%
# Is it any good, and is it new?
# ------------------------------
# A report compares numbers, so the encoder of the model turns the tables into some.

encode = model.encoder_.transform
found = report(encode(drawn), encode(train), encode(held_out), random_state=0)
for finding in found.findings:
    if finding.name in ("precision", "coverage", "memorization_interval.excess"):
        print(f"{finding.name:30} {finding.value:.3f}, fresh rows {finding.ideal:.3f}")

# %%
# The laws of single columns are those of the table, zeros and steps included. In grey
# the training rows, in blue the drawn ones, in orange those drawn under the conditions.

figure, grid = plt.subplots(2, 3, figsize=(11, 5.6), layout="constrained")
SHOWN = {
    "age": "age",
    "income": "income",
    "spending": "spending, a third of it 0",
    "rating": "rating, in half steps",
    "city": "city",
    "joined": "day of joining",
}
SETS = {
    "training rows": (train, "0.7", {"alpha": 0.8}),
    "drawn rows": (drawn, "#0072b2", {"histtype": "step", "linewidth": 1.6}),
    "given member, 30": (
        young_members,
        "#d55e00",
        {"histtype": "step", "linewidth": 1.2},
    ),
}
for axes, (name, title) in zip(grid.flat, SHOWN.items(), strict=True):
    if name == "city":
        for shift, (label, (rows, color, _)) in enumerate(SETS.items()):
            shares = rows[name].value_counts(normalize=True).sort_index()
            places = [place + 0.27 * (shift - 1) for place in range(len(shares))]
            axes.bar(places, shares, width=0.25, color=color, label=label)
        axes.set_xticks(range(len(shares)), shares.index, rotation=30)
    else:
        edges = axes.hist(train[name].dropna(), bins=30)[1]
        axes.cla()
        for label, (rows, color, look) in SETS.items():
            if name != "age" or rows is not young_members:
                values = rows[name].dropna()
                axes.hist(
                    values, bins=edges, density=True, color=color, label=label, **look
                )
    if name == "joined":
        axes.tick_params(axis="x", rotation=30)
    axes.set(title=title, yticks=[])
    axes.spines[["top", "right", "left"]].set_visible(False)
figure.legend(
    *grid[0, 1].get_legend_handles_labels(), loc="outside lower center", ncols=3
)
plt.show()
