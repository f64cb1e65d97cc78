# SPDX-License-Identifier: GPL-2.0-only

# Of list[1..n], which is sorted in place; "-" for none.
function median(list, n,    i, j, t)
{
	for (i = 2; i <= n; i++) {
		t = list[i]
		for (j = i - 1; j > 0 && list[j] > t; j--)
			list[j + 1] = list[j]
		list[j + 1] = t
	}
	if (!n)
		return "-"
	return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
}
