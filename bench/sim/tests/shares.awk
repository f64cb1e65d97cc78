# SPDX-License-Identifier: GPL-2.0-only
#
# From a run's TSV: how far the VMs that always want to run are from their fair
# shares of the whole host, in percent: mean and worst. Fair is in proportion to
# weight, but nobody gets more than its vCPUs can use.  -v SECONDS=… measured;
# -v SLEEP=… a group that is not judged.
BEGIN { FS = "\t" }
NR > 1 && $4 != "host" && $4 != SLEEP && $8 > 0 {
	n++
	width[n] = $6
	weight[n] = $7
	got[n] = $8 / 1e6 / SECONDS
	left += got[n]
}
END {
	do {
		again = 0
		all = 0
		for (i = 1; i <= n; i++)
			if (!full[i])
				all += weight[i]
		for (i = 1; i <= n; i++)
			if (!full[i] && left * weight[i] / all >= width[i]) {
				full[i] = 1
				left -= width[i]
				again = 1
			}
	} while (again)
	for (i = 1; i <= n; i++) {
		off = got[i] / (full[i] ? width[i] : left * weight[i] / all) - 1
		off = off < 0 ? -off : off
		sum += off
		worst = off > worst ? off : worst
	}
	printf "%d %.2f %.2f\n", n, n ? 100 * sum / n : 100, 100 * worst
}
